"""Conversations and turns: what people say, what agents answer, and how both reach the screen."""
