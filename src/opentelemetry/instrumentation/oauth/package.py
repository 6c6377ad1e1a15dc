# Empty on purpose: with a name here a program that has only another of the hooked libraries would
# be skipped in silence. Each library is patched when the program imports it.
_instruments: tuple[str, ...] = ()
