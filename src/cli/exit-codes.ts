import type { ErrorCode } from '../base/errors.ts';

/**
 * Every exit status of ours, in one place. A build, bake or push exits with what docker exited with; these are for our
 * own commands, and for builds that could not be handed to docker at all.
 */
export const EXIT = {
  ok: 0,
  /** `extract`: there is no mark. Also every failure without a status of its own. */
  noMark: 1,
  failed: 1,
  /** `extract`: there is a mark, and it does not validate. */
  invalidMark: 2,
  /** `verify`: something is not what it claims to be. */
  notVerified: 1,
  /** `verify`: nothing is known to be wrong, and something that was asked for could not be told. */
  notTold: 2,
  /** Wrong options: what docker's commands use. */
  usage: 125,
  /** docker itself is missing: what a shell says. */
  notFound: 127,
} as const;

export function exitCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'ARGV_UNKNOWN_FLAG':
    case 'ARGV_BAD_VALUE':
    case 'ARGV_USAGE':
      return EXIT.usage;
    case 'DOCKER_NOT_FOUND':
      return EXIT.notFound;
    case 'MARK_SYNTAX':
    case 'MARK_TOO_LARGE':
    case 'MARK_INVALID':
      return EXIT.invalidMark;
    case 'BUILDX_NOT_FOUND':
    case 'ENGINE_UNREACHABLE':
    case 'DOCKERFILE_UNREADABLE':
    case 'DOCKERFILE_SYNTAX':
    case 'CONTEXT_UNREADABLE':
    case 'BASE_IMAGE_UNKNOWN':
    case 'BUILD_UNMARKED':
    case 'SHIM_MISSING':
    case 'IMAGE_NOT_FOUND':
    case 'FILE_UNREADABLE':
    case 'FILE_UNWRITABLE':
    case 'GIT_FAILED':
    case 'SINK_FAILED':
    case 'KEY_NOT_FOUND':
    case 'KEY_INVALID':
    case 'KEY_UNSUPPORTED':
    case 'KEY_EXISTS':
    case 'PASSWORD_MISSING':
    case 'PASSWORD_WRONG':
    case 'IDENTITY_MISSING':
    case 'IDENTITY_INVALID':
    case 'SIGNING_SERVICE_FAILED':
    case 'SIGNING_SERVICE_REFUSED':
    case 'TRUSTED_ROOT_UNUSABLE':
    case 'ATTESTATION_INVALID':
    case 'POLICY_INVALID':
    case 'SBOM_FAILED':
    case 'CONFIG_INVALID':
    case 'PROCESS_FAILED':
    case 'RESPONSE_INVALID':
    case 'REGISTRY_UNREACHABLE':
    case 'REGISTRY_CERTIFICATE':
    case 'REGISTRY_UNAUTHORIZED':
    case 'REGISTRY_FORBIDDEN':
    case 'REGISTRY_NOT_FOUND':
    case 'REGISTRY_REFUSED':
    case 'REGISTRY_THROTTLED':
    case 'REGISTRY_FAILED':
    case 'REGISTRY_TOO_LARGE':
    case 'MEDIA_TYPE_UNKNOWN':
    case 'DIGEST_MISMATCH':
    case 'CREDENTIALS_UNREADABLE':
    case 'INTERNAL':
      return EXIT.failed;
  }
}
