"""The only writers of who is enrolled. Every door (portal, API, admin, tasks) calls these."""
