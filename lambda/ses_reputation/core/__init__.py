"""The part that thinks: values in, values out, standard library only; no clock, logger, environment or AWS."""
