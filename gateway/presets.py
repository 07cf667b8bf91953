"""What is known of each kind of provider: address, wire, environment variable, usual models.

Data only. Windows and output limits are tokens, from the providers' published model pages; 0 means
unknown. They are starting values that an administrator may change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Wire = Literal["openai", "litellm"]

HOSTED_WINDOW = 128_000
# What local servers load a model with unless told otherwise. Ollama cuts a longer prompt silently,
# and from its beginning, where the instructions are.
LOCAL_WINDOW = 8_192
OLLAMA_WINDOW = 4_096
DEFAULT_OUTPUT_LIMIT = 8_192


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """A model that a provider of this kind usually has."""

    name: str
    display_name: str
    window: int
    output_limit: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of provider.

    `prefix`: what the litellm adapter puts before the model's name. `default_window`: assumed of
    a model that nothing is known of.
    """

    kind: str
    title: str
    wire: Wire
    default_base_url: str | None
    needs_key: bool
    key_variable: str = ""
    url_variable: str = ""
    prefix: str = ""
    default_window: int = HOSTED_WINDOW
    models: tuple[ModelPreset, ...] = ()


NOT_FOR_CHAT = ("embed", "minilm", "bge-", "rerank", "whisper", "tts", "dall-e", "moderation")
OLLAMA_URL = "http://127.0.0.1:11434/v1"

_ALL = (
    Kind(
        "openai",
        "OpenAI",
        "openai",
        "https://api.openai.com/v1",
        needs_key=True,
        key_variable="OPENAI_API_KEY",
        models=(
            ModelPreset("gpt-4.1-mini", "GPT-4.1 mini", 1_047_576, 32_768),
            ModelPreset("gpt-4.1", "GPT-4.1", 1_047_576, 32_768),
            ModelPreset("gpt-4o-mini", "GPT-4o mini", 128_000, 16_384),
            ModelPreset("gpt-4o", "GPT-4o", 128_000, 16_384),
        ),
    ),
    Kind(
        "anthropic",
        "Anthropic",
        "litellm",
        "https://api.anthropic.com",
        needs_key=True,
        key_variable="ANTHROPIC_API_KEY",
        prefix="anthropic/",
        models=(
            ModelPreset("claude-sonnet-4-5", "Claude Sonnet 4.5", 200_000, 64_000),
            ModelPreset("claude-haiku-4-5", "Claude Haiku 4.5", 200_000, 64_000),
            ModelPreset("claude-opus-4-1", "Claude Opus 4.1", 200_000, 32_000),
        ),
    ),
    Kind(
        "gemini",
        "Google Gemini",
        "litellm",
        "https://generativelanguage.googleapis.com/v1beta",
        needs_key=True,
        key_variable="GEMINI_API_KEY",
        prefix="gemini/",
        models=(
            ModelPreset("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, 65_536),
            ModelPreset("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, 65_536),
        ),
    ),
    Kind(
        "groq",
        "Groq",
        "openai",
        "https://api.groq.com/openai/v1",
        needs_key=True,
        key_variable="GROQ_API_KEY",
        models=(
            ModelPreset("llama-3.3-70b-versatile", "Llama 3.3 70B", 131_072, 32_768),
            ModelPreset("llama-3.1-8b-instant", "Llama 3.1 8B", 131_072, 131_072),
        ),
    ),
    Kind(
        "mistral",
        "Mistral",
        "openai",
        "https://api.mistral.ai/v1",
        needs_key=True,
        key_variable="MISTRAL_API_KEY",
        models=(
            ModelPreset("mistral-small-latest", "Mistral Small", 128_000, 0),
            ModelPreset("mistral-large-latest", "Mistral Large", 128_000, 0),
        ),
    ),
    Kind(
        "openrouter",
        "OpenRouter",
        "openai",
        "https://openrouter.ai/api/v1",
        needs_key=True,
        key_variable="OPENROUTER_API_KEY",
        models=(ModelPreset("openrouter/auto", "OpenRouter: automatic choice", 0, 0),),
    ),
    Kind(
        "deepseek",
        "DeepSeek",
        "openai",
        "https://api.deepseek.com/v1",
        needs_key=True,
        key_variable="DEEPSEEK_API_KEY",
        models=(
            ModelPreset("deepseek-chat", "DeepSeek Chat", 128_000, 8_192),
            ModelPreset("deepseek-reasoner", "DeepSeek Reasoner", 128_000, 65_536),
        ),
    ),
    Kind(
        "huggingface",
        "Hugging Face",
        "openai",
        "https://router.huggingface.co/v1",
        # No variable: many have its token for downloads, who do not want to send prompts there.
        needs_key=True,
        models=(
            ModelPreset("meta-llama/Llama-3.1-8B-Instruct", "Llama 3.1 8B", 131_072, 0),
            ModelPreset("mistralai/Mistral-7B-Instruct-v0.3", "Mistral 7B", 32_768, 0),
            ModelPreset("microsoft/phi-4", "Phi-4", 16_384, 0),
            ModelPreset("meta-llama/Llama-3.3-70B-Instruct", "Llama 3.3 70B", 131_072, 0),
        ),
    ),
    Kind(
        "ollama",
        "Ollama",
        "openai",
        OLLAMA_URL,
        needs_key=False,
        url_variable="OLLAMA_BASE_URL",
        default_window=OLLAMA_WINDOW,
    ),
    Kind(
        "vllm",
        "vLLM",
        "openai",
        "http://127.0.0.1:8000/v1",
        needs_key=False,
        default_window=LOCAL_WINDOW,
    ),
    Kind(
        "lmstudio",
        "LM Studio",
        "openai",
        "http://127.0.0.1:1234/v1",
        needs_key=False,
        default_window=LOCAL_WINDOW,
    ),
    Kind(
        "openai-compatible",
        "Other, OpenAI-compatible",
        "openai",
        None,
        needs_key=False,
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        default_window=LOCAL_WINDOW,
    ),
    Kind("litellm", "Other, through LiteLLM", "litellm", None, needs_key=False),
)

KINDS: dict[str, Kind] = {entry.kind: entry for entry in _ALL}


def default_base_url(kind: str) -> str:
    """The address of providers of `kind`, or an empty string."""
    entry = KINDS.get(kind)
    return (entry.default_base_url or "") if entry else ""


def limits_of(kind: str, name: str) -> ModelPreset:
    """What is known of model `name` at providers of `kind`; assumed where nothing is.

    `window` and `output_limit` of the answer are positive.
    """
    entry = KINDS.get(kind)
    known = next((it for it in (entry.models if entry else ()) if it.name == name), None)
    window = (known.window if known else 0) or (entry.default_window if entry else LOCAL_WINDOW)
    output_limit = (known.output_limit if known else 0) or min(DEFAULT_OUTPUT_LIMIT, window // 2)
    return ModelPreset(name, known.display_name if known else name, window, output_limit)


def chat_models(names: Iterable[str]) -> list[str]:
    """`names` without those that are evidently not for chat, in the given order."""
    return [name for name in names if not any(sign in name.lower() for sign in NOT_FOR_CHAT)]
