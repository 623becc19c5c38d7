"""The Nuke node "Video Instance Matte"; Python 3.9, the standard library and Nuke only.

Nothing here computes a matte: a worker outside of Nuke does (see `vimatte_nuke.worker`), and
what it publishes is read back by ordinary Read nodes.
"""
