"""A provider of language models that is not one: a real HTTP server for tests, benches and ops.

Speaks the wire protocols of OpenAI (chat completions, embeddings, models), Anthropic (messages)
and Gemini (streamGenerateContent), streams words at a set pace, follows a script, fails on request
and remembers what it was asked. Stands alone: no Django, no kernel, no other module of the gateway.

    python -m gateway.simulator --port 0        manage.py simulate_llm --port 9000 --ttft 50
"""
