"""openai-agents: an agent with a tool, over Responses and over chat completions, whole and streamed."""

import asyncio
import json
import os

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

URL, KEY, MODEL = f"{os.environ['HEFT_URL']}/v1", os.environ["HEFT_KEY"], os.environ["HEFT_MODEL"]
set_tracing_disabled(True)
asked: list[str] = []


@function_tool
def get_weather(location: str) -> str:
    """The weather of a place."""
    asked.append(location)
    return "15 degrees"


async def main() -> None:
    client = AsyncOpenAI(base_url=URL, api_key=KEY)
    found = {}
    models = {
        "responses": OpenAIResponsesModel(MODEL, client),
        "chat": OpenAIChatCompletionsModel(MODEL, client),
    }
    for name, model in models.items():
        agent = Agent(name="Weather", instructions="Be brief.", model=model, tools=[get_weather])
        whole = await Runner.run(agent, "What is the weather in Paris?")
        stream = Runner.run_streamed(agent, "What is the weather in Paris?")
        kinds = [event.type async for event in stream.stream_events()]
        found[name] = {"told": whole.final_output, "streamed": stream.final_output, "events": len(kinds)}
    print(json.dumps({**found, "asked": asked}))


asyncio.run(main())
