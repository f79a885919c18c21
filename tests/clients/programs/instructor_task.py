"""instructor: an object by a tool that has to be used, or by a JSON schema."""

import json
import os

import instructor
import openai
from pydantic import BaseModel

URL, KEY, MODEL = f"{os.environ['HEFT_URL']}/v1", os.environ["HEFT_KEY"], os.environ["HEFT_MODEL"]


class Weather(BaseModel):
    """Where somebody wants to know the weather of."""

    location: str


mode = instructor.Mode.TOOLS if MODEL == "caller" else instructor.Mode.JSON_SCHEMA
client = instructor.from_openai(openai.OpenAI(base_url=URL, api_key=KEY), mode=mode)
answer = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "user", "content": "What is the weather in Paris?"}],
    response_model=Weather,
    max_retries=0,
    max_tokens=200,
    temperature=0,
)
print(json.dumps({"location": answer.location}))
