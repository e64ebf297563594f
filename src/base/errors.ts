/**
 * Everything that can go wrong on our side has one of these codes. They are printed, reported and documented, so they
 * never change meaning; what a code does to the exit status is decided in `cli/exit-codes.ts` alone.
 */
export const ERROR_CODES = [
  'ARGV_UNKNOWN_FLAG',
  'ARGV_BAD_VALUE',
  'ARGV_USAGE',
  'DOCKER_NOT_FOUND',
  'BUILDX_NOT_FOUND',
  'ENGINE_UNREACHABLE',
  'DOCKERFILE_UNREADABLE',
  'DOCKERFILE_SYNTAX',
  'CONTEXT_UNREADABLE',
  'BASE_IMAGE_UNKNOWN',
  'BUILD_UNMARKED',
  'SHIM_MISSING',
  'MARK_SYNTAX',
  'MARK_TOO_LARGE',
  'MARK_INVALID',
  'IMAGE_NOT_FOUND',
  'FILE_UNREADABLE',
  'FILE_UNWRITABLE',
  'GIT_FAILED',
  'SINK_FAILED',
  'KEY_NOT_FOUND',
  'KEY_INVALID',
  'KEY_UNSUPPORTED',
  'KEY_EXISTS',
  'PASSWORD_MISSING',
  'PASSWORD_WRONG',
  'IDENTITY_MISSING',
  'IDENTITY_INVALID',
  'SIGNING_SERVICE_FAILED',
  'SIGNING_SERVICE_REFUSED',
  'TRUSTED_ROOT_UNUSABLE',
  'ATTESTATION_INVALID',
  'POLICY_INVALID',
  'SBOM_FAILED',
  'CONFIG_INVALID',
  'PROCESS_FAILED',
  'RESPONSE_INVALID',
  'REGISTRY_UNREACHABLE',
  'REGISTRY_CERTIFICATE',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_FORBIDDEN',
  'REGISTRY_NOT_FOUND',
  'REGISTRY_REFUSED',
  'REGISTRY_THROTTLED',
  'REGISTRY_FAILED',
  'REGISTRY_TOO_LARGE',
  'MEDIA_TYPE_UNKNOWN',
  'DIGEST_MISMATCH',
  'CREDENTIALS_UNREADABLE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A failure of ours: a closed `code`, a message that names the input, a `hint` that says what to do, and the `cause`. */
export class ChalkError extends Error {
  override readonly name = 'ChalkError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Wraps whatever was thrown once, at the edge of a stage; a ChalkError passes through as it is. */
export function asChalkError(thrown: unknown, code: ErrorCode = 'INTERNAL'): ChalkError {
  if (thrown instanceof ChalkError) return thrown;
  return new ChalkError(code, thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
}

/** One line for a person: `CODE: message (hint)`. */
export function describeError(error: ChalkError): string {
  const hint = error.hint === undefined ? '' : ` (${error.hint})`;
  return `${error.code}: ${error.message}${hint}`;
}
