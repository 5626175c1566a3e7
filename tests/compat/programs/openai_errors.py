"""What a careful program does with errors: which it is, what it holds, whether to try again."""

import openai
from openai import APIStatusError, OpenAI

HELLO = [{"role": "user", "content": "Hello"}]
client = OpenAI(max_retries=0)


def tell(error):
    print(type(error).__name__, "|", error)
    if isinstance(error, APIStatusError):
        print("  ", error.status_code, error.code, error.type, error.param)
        print("  ", error.response.status_code, error.response.json()["error"] == error.body)
    print("  ", [each.__name__ for each in type(error).__mro__ if each in TREE])


TREE = (
    openai.NotFoundError,
    openai.AuthenticationError,
    openai.BadRequestError,
    openai.APIStatusError,
    openai.APITimeoutError,
    openai.APIConnectionError,
    openai.APIError,
    openai.OpenAIError,
)


def attempt(call):
    try:
        call()
    except openai.RateLimitError as error:
        print("later", error)
    except (openai.NotFoundError, openai.AuthenticationError) as error:
        tell(error)
    except openai.APIConnectionError as error:
        print("no connection:", error, isinstance(error.__cause__, Exception))
    except openai.APIError as error:
        tell(error)
    else:
        print("no error")


def main():
    create = client.chat.completions.create
    attempt(lambda: create(model="gpt-none", messages=HELLO))
    attempt(lambda: create(model="gpt-none", messages=HELLO, stream=True))
    attempt(lambda: create(model="gpt-4o", messages=[]))
    attempt(lambda: create(model="gpt-4o", messages=HELLO, temperature=9))
    wrong = client.with_options(api_key="sk-not-the-right-one")
    attempt(lambda: wrong.chat.completions.create(model="gpt-4o", messages=HELLO))
    attempt(lambda: wrong.models.list())
    nowhere = client.with_options(base_url="http://127.0.0.1:9/v1")
    attempt(lambda: nowhere.chat.completions.create(model="gpt-4o", messages=HELLO))
    attempt(lambda: create(model="gpt-4o", messages=HELLO))
    try:
        create(model="gpt-4o", message=HELLO)
    except TypeError:
        print("no such argument")
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    print(raw.status_code, raw.headers["content-type"], raw.parse().choices[0].message.content)


main()
