"""A real OAuth 2 authorization server: Authlib on Flask, its memory for a database.

    PYTHONPATH=examples python -m authorization_server --port 9000

Who may ask for what stands in one table (`presets`). A request passes these layers:

1. `counting` - what reached an OAuth endpoint and what was answered: the server's own truth;
2. `faults` - outages on demand (`POST /_faults`);
3. `app` - the Flask routes, thin shells around `server`;
4. `server` - Authlib's `AuthorizationServer` with the `grants`, `endpoints` and `client_auth` that
   are registered in it, all of them Authlib's own classes with their storage filled in;
5. `store` - the tables, behind one lock.

Every secret it knows or issues contains the marker `Cnry`, and so does every error description: a
sweep for that word over telemetry finds each leak.
"""
