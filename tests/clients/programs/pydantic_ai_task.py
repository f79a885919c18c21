"""pydantic-ai: an agent with a tool, over chat completions, Responses and Anthropic's messages."""

import json
import os

from anthropic import AsyncAnthropic
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL, KEY, MODEL = os.environ["HEFT_URL"], os.environ["HEFT_KEY"], os.environ["HEFT_MODEL"]
openai = OpenAIProvider(base_url=f"{URL}/v1", api_key=KEY)
anthropic = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=URL, api_key=KEY))
MODELS = {
    "chat": OpenAIChatModel(MODEL, provider=openai),
    "responses": OpenAIResponsesModel(MODEL, provider=openai),
    "anthropic": AnthropicModel(MODEL, provider=anthropic),
}
found = {}
for name, model in MODELS.items():
    agent = Agent(model)
    asked: list[str] = []

    @agent.tool_plain
    def get_weather(location: str) -> str:
        """The weather of a place."""
        asked.append(location)  # noqa: B023  # called before the next round
        return "15 degrees"

    found[name] = {"told": agent.run_sync("What is the weather in Paris?").output, "asked": asked}
print(json.dumps(found))
