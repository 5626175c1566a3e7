"""An agent: streams its answers, puts tool calls together from their pieces, answers them."""

import json

import openai

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Tells the {name.removeprefix('get_')} of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
    for name in ("get_weather", "get_time")
]


def read(stream):
    """The text of an answer, shown as it comes, and its calls."""
    text, calls, reason, usage = "", {}, None, None
    for chunk in stream:
        if chunk.usage:
            usage = chunk.usage
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        reason = choice.finish_reason or reason
        if choice.delta.content:
            print(choice.delta.content, end="|")
            text += choice.delta.content
        for piece in choice.delta.tool_calls or []:
            call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.id or ""
            call["name"] += piece.function.name or ""
            call["arguments"] += piece.function.arguments or ""
    print(f"[{reason}, {usage.total_tokens} tokens]")
    return text, [calls[index] for index in sorted(calls)]


def main():
    client = openai.OpenAI()
    messages = [{"role": "user", "content": "Weather and time in Oslo?"}]
    for turn in range(5):
        stream = client.chat.completions.create(
            model="gpt-4o",
            messages=messages,
            tools=TOOLS,
            tool_choice="auto",
            stream=True,
            stream_options={"include_usage": True},
        )
        with stream:
            text, calls = read(stream)
        said = {"role": "assistant", "content": text or None}
        if calls:
            said["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in calls
            ]
        messages.append(said)
        if not calls:
            break
        for call in calls:
            arguments = json.loads(call["arguments"])
            print(turn, call["name"], sorted(arguments))
            result = json.dumps({"answer": f"{call['name']} is fine"})
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    print([message["role"] for message in messages])
    with client.chat.completions.stream(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
    ) as events:
        for event in events:
            if event.type == "content.delta":
                print(event.delta, end="")
            elif event.type == "content.done":
                print(f" ({len(event.content)} characters)")
    print(events.get_final_completion().choices[0].message.role)


main()
