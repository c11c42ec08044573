"""Stage 5: may this proposal become an order?"""
