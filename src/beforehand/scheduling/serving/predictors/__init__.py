"""Predictors of answer lengths, of tool calls and of how long they take."""
