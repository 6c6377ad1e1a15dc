// The preset clients, one row each. Every secret holds the canary text `Cnry`, which the project looks for in all
// telemetry. HS256 wants 32 bytes, so secrets are long.

const CODE = 'authorization_code';
const REFRESH = 'refresh_token';
const CC = 'client_credentials';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';

const BASIC = 'client_secret_basic';
const POST = 'client_secret_post';
const SECRET_JWT = 'client_secret_jwt';
const PRIVATE_KEY_JWT = 'private_key_jwt';
const NONE = 'none';

// Native clients may use any port on a loopback address (RFC 8252, 7.3), so a test application can listen where it likes.
const PATHS = ['', '/', '/callback', '/auth', '/authorize', '/login/callback', '/oauth/callback', '/auth/callback',
  '/oidc/callback', '/getAToken', '/accounts/oidc/login/callback/', '/complete/oidc/', '/oauth2callback'];
const LOOPBACK = ['127.0.0.1', 'localhost'].flatMap((host) => PATHS.map((path) => `http://${host}${path}`));

const TABLE = [
  // client_id, client authentication, grants, further metadata
  ['cc-basic', BASIC, [CC]],
  ['cc-post', POST, [CC]],
  ['cc-secret-jwt', SECRET_JWT, [CC]],
  ['cc-private-key-jwt', PRIVATE_KEY_JWT, [CC]],
  ['cc-special', BASIC, [CC], { client_secret: 'Cnry +/=:%25&?#"~-secret-of-cc-special' }],
  ['cc-scoped', BASIC, [CC], { scope: 'read' }],
  ['cc-dpop', BASIC, [CC], { dpop_bound_access_tokens: true }],
  ['web-basic', BASIC, [CODE, REFRESH]],
  ['web-post', POST, [CODE, REFRESH]],
  ['web-secret-jwt', SECRET_JWT, [CODE, REFRESH]],
  ['web-private-key-jwt', PRIVATE_KEY_JWT, [CODE, REFRESH]],
  ['web-public', NONE, [CODE, REFRESH]],
  ['web-par', BASIC, [CODE, REFRESH], { require_pushed_authorization_requests: true }],
  ['web-dpop', NONE, [CODE, REFRESH], { dpop_bound_access_tokens: true }],
  ['device-public', NONE, [DEVICE, REFRESH]],
  ['device-basic', BASIC, [DEVICE, REFRESH]],
  ['ciba-basic', BASIC, [CIBA, REFRESH], { backchannel_token_delivery_mode: 'poll' }],
  ['ciba-private-key-jwt', PRIVATE_KEY_JWT, [CIBA, REFRESH], { backchannel_token_delivery_mode: 'poll' }],
  ['all-basic', BASIC, [CODE, REFRESH, CC, DEVICE, CIBA], { backchannel_token_delivery_mode: 'poll' }],
  ['all-post', POST, [CODE, REFRESH, CC, DEVICE, CIBA], { backchannel_token_delivery_mode: 'poll' }],
  ['resource-server', BASIC, []],
];

export default function clients(clientPublicJwk, extraRedirectUris = []) {
  return TABLE.map(([id, method, grants, extra = {}]) => {
    const code = grants.includes(CODE);
    const client = {
      client_id: id,
      token_endpoint_auth_method: method,
      grant_types: grants,
      response_types: code ? ['code'] : [],
      redirect_uris: code ? [...LOOPBACK, ...extraRedirectUris] : [],
      application_type: 'native',
    };
    if (method === PRIVATE_KEY_JWT) {
      Object.assign(client, { jwks: { keys: [clientPublicJwk] }, token_endpoint_auth_signing_alg: 'RS256' });
    } else if (method !== NONE) {
      client.client_secret = `CnrySecret-of-${id}-0123456789abcdef`;
    }
    return { ...client, ...extra };
  });
}
