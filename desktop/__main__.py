"""``python -m desktop`` is the command ``heft``; the frozen program starts here too."""

import os
import sys

from desktop.system.child import asked_module, drop_library_path

if __name__ == "__main__":
    drop_library_path(os.environ)
    module = asked_module(sys.argv[1:])
    if module is not None:
        import runpy

        runpy.run_module(module, run_name="__main__", alter_sys=True)  # as python -m: types are looked up there
    else:
        from desktop.cli import main

        sys.exit(main())
