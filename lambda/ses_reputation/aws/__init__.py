"""The edge: the only room of the function that talks to AWS. It translates and never decides."""
