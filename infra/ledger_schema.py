"""The ledger's tables, as numbered migrations. A migration that has shipped never changes.

Amounts and prices are text with every digit, for SQLite's own numbers round.
Times are ISO 8601 in UTC with six decimals, so that text order is time order.
"""

from __future__ import annotations

APPLICATION_ID = 247_001  # in the file's header: a ledger of ours, and no other SQLite file

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE orders (
        id                INTEGER PRIMARY KEY,
        client_order_id   TEXT NOT NULL UNIQUE,
        exchange_order_id TEXT,
        cycle             INTEGER NOT NULL,
        symbol            TEXT NOT NULL,
        base              TEXT NOT NULL,
        quote             TEXT NOT NULL,
        side              TEXT NOT NULL,
        type              TEXT NOT NULL,
        time_in_force     TEXT NOT NULL,
        post_only         INTEGER NOT NULL,
        end_time          TEXT,
        price             TEXT NOT NULL,
        quantity          TEXT NOT NULL,
        filled            TEXT NOT NULL,
        reason            TEXT NOT NULL,
        status            TEXT NOT NULL,
        intended_at       TEXT NOT NULL,
        settled_at        TEXT            -- set with the first final status
    ) STRICT;
    CREATE INDEX orders_unsettled ON orders (id) WHERE settled_at IS NULL;
    CREATE INDEX orders_by_cycle ON orders (cycle);
    CREATE INDEX orders_by_time ON orders (intended_at);
    CREATE TABLE transactions (
        id   INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('opening', 'flow', 'fill')),
        at   TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE postings (
        id             INTEGER PRIMARY KEY,
        transaction_id INTEGER NOT NULL REFERENCES transactions (id),
        account        TEXT NOT NULL,  -- "wallet:USD": whose, and of what
        asset          TEXT NOT NULL,
        amount         TEXT NOT NULL   -- per transaction and asset the amounts sum to zero
    ) STRICT;
    CREATE INDEX postings_of_transaction ON postings (transaction_id, asset);
    CREATE INDEX postings_by_account ON postings (account);
    """,
    """
    ALTER TABLE orders ADD COLUMN stop TEXT;
    ALTER TABLE orders ADD COLUMN told TEXT NOT NULL DEFAULT '';
    CREATE UNIQUE INDEX orders_by_exchange_id ON orders (exchange_order_id)
        WHERE exchange_order_id IS NOT NULL;
    -- One more kind of transaction. SQLite cannot change a CHECK, so both tables are made anew,
    -- the one that refers first, with every transaction under its old number.
    ALTER TABLE postings RENAME TO postings_1;
    ALTER TABLE transactions RENAME TO transactions_1;
    CREATE TABLE transactions (
        id   INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('opening', 'flow', 'fill', 'dust')),
        at   TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE postings (
        transaction_id INTEGER NOT NULL REFERENCES transactions (id),
        account        TEXT NOT NULL,
        asset          TEXT NOT NULL,
        amount         TEXT NOT NULL,
        PRIMARY KEY (transaction_id, account)  -- those of a transaction lie side by side
    ) STRICT, WITHOUT ROWID;
    INSERT INTO transactions SELECT * FROM transactions_1 ORDER BY id;
    INSERT INTO postings SELECT transaction_id, account, asset, amount FROM postings_1;
    DROP TABLE postings_1;
    DROP TABLE transactions_1;
    CREATE TABLE fills (
        id              INTEGER PRIMARY KEY REFERENCES transactions (id),
        fill_id         TEXT NOT NULL UNIQUE,   -- the venue's
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        symbol          TEXT NOT NULL,
        base            TEXT NOT NULL,
        quote           TEXT NOT NULL,
        side            TEXT NOT NULL,
        price           TEXT NOT NULL,
        quantity        TEXT NOT NULL,
        fee             TEXT NOT NULL,
        fee_currency    TEXT NOT NULL,
        at              TEXT NOT NULL
    ) STRICT;
    CREATE INDEX fills_by_product ON fills (symbol, side, at, fill_id);
    CREATE INDEX transactions_of_flows ON transactions (id) WHERE kind = 'flow';
    """,
)
