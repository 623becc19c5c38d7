"""Read by every Nuke session, with or without a user interface; it can never stop one."""

try:
    import nuke
    from vimatte_nuke import callbacks

    callbacks.register()
except Exception as error:  # noqa: BLE001 - whatever is wrong here, Nuke must start
    try:  # noqa: SIM105 - nothing is imported here that might fail
        nuke.tprint("vimatte: the plug-in does not load: %r" % (error,))  # noqa: UP031
    except Exception:  # noqa: BLE001, S110 - not even a Nuke to tell it to
        pass
