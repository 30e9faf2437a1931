"""The application: HTTP edge, routing, interactions, bundles, tenancy, settings and commands."""
