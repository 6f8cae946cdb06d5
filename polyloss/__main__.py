"""`python -m polyloss ...`: the command line, whose libraries are the extra `cli`. The script `polyloss` starts faster."""

from polyloss.tools.script import main

if __name__ == "__main__":
    main()
