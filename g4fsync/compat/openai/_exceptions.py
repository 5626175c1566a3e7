"""Names that programs import from ``openai._exceptions``."""

from .errors import (
    APIConnectionError as APIConnectionError,
    APIError as APIError,
    APIResponseValidationError as APIResponseValidationError,
    APIStatusError as APIStatusError,
    APITimeoutError as APITimeoutError,
    AuthenticationError as AuthenticationError,
    BadRequestError as BadRequestError,
    ConflictError as ConflictError,
    ContentFilterFinishReasonError as ContentFilterFinishReasonError,
    InternalServerError as InternalServerError,
    LengthFinishReasonError as LengthFinishReasonError,
    NotFoundError as NotFoundError,
    OpenAIError as OpenAIError,
    PermissionDeniedError as PermissionDeniedError,
    RateLimitError as RateLimitError,
    UnprocessableEntityError as UnprocessableEntityError,
)
