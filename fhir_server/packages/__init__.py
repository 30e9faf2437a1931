"""FHIR packages of a tenant: installed, looked at before, listed, and taken away again.

What a package defines become resources of the tenant like any others, written by the one write path; what is kept of the
package itself is which of them it brought.
"""
