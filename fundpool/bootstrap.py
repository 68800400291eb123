"""Puts the adapters behind the services' ports; the only module that knows both."""
