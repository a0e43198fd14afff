"""The edge: the only room that talks to AWS. It translates and never decides."""
