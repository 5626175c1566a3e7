"""Names that programs import from ``openai.lib.azure``."""

from ..asynchronous import AsyncAzureOpenAI as AsyncAzureOpenAI
from ..azure import AzureOpenAI as AzureOpenAI
