"""The pages: one module a screen. They read forms, call services and render; rules and queries live elsewhere."""
