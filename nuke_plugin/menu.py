"""Read by sessions with a user interface only; it can never stop one."""

try:
    import nuke

    COMMAND = "import vimatte_nuke.commands; vimatte_nuke.commands.create()"
    nuke.menu("Nodes").addMenu("Matte").addCommand("Video Instance Matte", COMMAND)
except Exception as error:  # noqa: BLE001 - whatever is wrong here, Nuke must start
    try:  # noqa: SIM105 - nothing is imported here that might fail
        nuke.tprint("vimatte: the menu does not load: %r" % (error,))  # noqa: UP031
    except Exception:  # noqa: BLE001, S110 - not even a Nuke to tell it to
        pass
