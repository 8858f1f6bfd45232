"""The rehearsal of the example: an old server, a system, a load, and a journey between them.

`town` is the old server, `seaway` types the commands, `load` sends the requests and keeps every answer,
`release` brings new versions, `figures` judges them, `journey` is the story, `report` tells it.
"""
