"""An AWS on this machine, for the demo and the end-to-end tests.

Importing it clears this process of the user's AWS set-up, because moto reads that as soon as it is imported.
"""

from .environment import isolate

isolate()
