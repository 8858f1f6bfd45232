"""Providers: what fulfils the ports. They are listed in seaway.app and never import each other."""
