"""The ledger's tables, as numbered migrations. A migration that has shipped never changes."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE orders (
        client_order_id   TEXT PRIMARY KEY,
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
        settled_at        TEXT
    ) STRICT;
    CREATE INDEX orders_unsettled ON orders (client_order_id) WHERE settled_at IS NULL;
    CREATE INDEX orders_by_cycle ON orders (cycle);
    CREATE INDEX orders_by_time ON orders (intended_at);
    CREATE TABLE transactions (
        id   INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,      -- opening, fill, flow
        at   TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
    CREATE TABLE postings (
        transaction_id INTEGER NOT NULL REFERENCES transactions (id),
        account        TEXT NOT NULL,  -- wallet, foreign, opening, later trading and fees
        asset          TEXT NOT NULL,
        amount         TEXT NOT NULL   -- per transaction and asset the amounts sum to zero
    ) STRICT;
    CREATE INDEX postings_by_account ON postings (account, asset);
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
)
