"""The on-disk cache: one checked file a frame, in folders named by what they were made with."""
