"""The process that computes for a host, and the client that a host starts it with."""
