"""Providers: what fulfils the ports. They are chosen in seaway.app and never import each other."""
