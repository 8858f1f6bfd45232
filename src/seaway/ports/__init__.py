"""What Seaway needs of the world, as Protocols: a sentence per method, no behaviour."""
