"""langchain-openai: a stream, and a tool with its result, over chat completions and Responses."""

import json
import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

URL, KEY, MODEL = f"{os.environ['HEFT_URL']}/v1", os.environ["HEFT_KEY"], os.environ["HEFT_MODEL"]


@tool
def get_weather(location: str) -> str:
    """The weather of a place."""
    return f"15 degrees in {location}"


found = {}
for name, responses in (("chat", False), ("responses", True)):
    model = ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, use_responses_api=responses, temperature=0)
    asked = HumanMessage("What is the weather in Paris?")
    bound = model.bind_tools([get_weather])
    answer = bound.invoke([asked])
    call = answer.tool_calls[0]
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    told = bound.invoke([asked, answer, result])
    chunks = [chunk.text for chunk in bound.stream([asked, answer, result])]
    found[name] = {
        "args": call["args"],
        "told": told.text,
        "streamed": "".join(chunks),
        "tokens": told.usage_metadata["output_tokens"],
    }
print(json.dumps(found))
