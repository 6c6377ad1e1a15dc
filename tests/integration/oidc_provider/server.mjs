// A certified OpenID provider for the integration tests: `PORT=0 node server.mjs`.
//
// It prints `listening on http://127.0.0.1:PORT` when it is ready. Beside the provider's own endpoints it has one of
// control: `GET /_counts` tells how often each OAuth endpoint was asked and what it answered, `DELETE /_counts` starts
// anew. Environment: see `number(...)` and `process.env` below; all have defaults.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import Provider, { errors } from 'oidc-provider';

import createAdapter from './adapter.mjs';
import clients from './clients.mjs';

const CANARY = 'Cnry';
const API = 'https://api.example.test/'; // access tokens for it are opaque
const JWT_API = 'https://jwt.example.test/'; // access tokens for it are JWTs

const number = (name, otherwise) => Number(process.env[name] || otherwise);
const flag = (name, otherwise) => (process.env[name] ?? otherwise) !== '0';
const json = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

const { kty, n, e, kid, use, alg } = json('client-private-jwk.json');
const extraRedirectUris = (process.env.EXTRA_REDIRECT_URIS || '').split(',').filter(Boolean);

const configuration = (issuer) => ({
  adapter: createAdapter(),
  clients: clients({ kty, n, e, kid, use, alg }, extraRedirectUris),
  jwks: json('provider-jwks.json'),
  cookies: { keys: ['CnryCookieKey'] },
  clockTolerance: number('CLOCK_TOLERANCE', 0),
  scopes: ['openid', 'offline_access', 'profile', 'email', 'read', 'write'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  ttl: {
    AccessToken: number('ACCESS_TOKEN_TTL', 3600),
    ClientCredentials: number('CLIENT_CREDENTIALS_TTL', number('ACCESS_TOKEN_TTL', 600)),
    AuthorizationCode: number('AUTHORIZATION_CODE_TTL', 60),
    RefreshToken: number('REFRESH_TOKEN_TTL', 86400),
    IdToken: number('ID_TOKEN_TTL', 3600),
    DeviceCode: number('DEVICE_CODE_TTL', 600),
    BackchannelAuthenticationRequest: number('CIBA_TTL', 600),
    Grant: 86400,
    Interaction: 3600,
    Session: 86400,
  },
  // Every client that has the grant gets a refresh token, and every use of one gives a new one: the old one's reuse
  // then kills the family. ROTATE=0 is the provider's default rule (public clients, or at 70 % of the life).
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  ...(flag('ROTATE', '1') && { rotateRefreshToken: true }),
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: `${CANARY} ${sub}`, email: `${CANARY}.${sub}@example.test`, email_verified: true }),
  }),
  clientBasedCORS: () => false,
  // What is shown to a browser must not hide the error from the counts.
  renderError: (ctx, out) => {
    ctx.state.error = out.error;
    ctx.type = 'html';
    ctx.body = `<!DOCTYPE html><title>error</title><pre>${JSON.stringify(out).replace(/</g, '&lt;')}</pre>`;
  },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: {
      enabled: true,
      // The default asks for a code again after a refusal or a wrong code, so a script would go round in circles.
      userCodeInputSource: (ctx, form, _out, err) => {
        const button = '<button type="submit" form="op.deviceInputForm">Continue</button>';
        ctx.type = 'html';
        ctx.body = `<!DOCTYPE html><title>Device</title>${err ? `<p>${err.name}</p>` : `${form}${button}`}`;
      },
    },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: Buffer.alloc(32, 'CnryDPoPNonceSecret'),
      requireNonce: () => flag('DPOP_NONCE', '1'),
    },
    registration: {
      enabled: true,
      initialAccessToken: process.env.INITIAL_ACCESS_TOKEN || false,
      idFactory: () => `dynamic-${crypto.randomUUID()}`,
      secretFactory: () => `${CANARY}Secret-${crypto.randomUUID()}`,
    },
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Without a resource a client credentials token would have no scope at all.
      defaultResource: (ctx, _client, oneOf) => oneOf
        ?? (ctx.oidc.params?.grant_type === 'client_credentials' ? API : undefined),
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== API && resource !== JWT_API) throw new errors.InvalidTarget();
        return { scope: 'read write', accessTokenFormat: resource === JWT_API ? 'jwt' : 'opaque' };
      },
    },
    // `login_hint` says what will happen: unknown… is nobody, deny… refuses, hang… never answers, any other approves.
    ciba: {
      enabled: true,
      deliveryModes: ['poll'],
      processLoginHint: (_ctx, hint) => (hint.startsWith('unknown') ? undefined : hint),
      processLoginHintToken: (_ctx, token) => token,
      verifyUserCode: () => {},
      validateRequestContext: () => {},
      triggerAuthenticationDevice: () => {}, // see `answerCiba`
    },
  },
});

/** Puts the canary into everything opaque that the provider hands out. JWTs cannot have it: base64 hides it. */
function markTokens(provider) {
  for (const name of ['AccessToken', 'ClientCredentials', 'RefreshToken', 'AuthorizationCode', 'DeviceCode',
    'BackchannelAuthenticationRequest', 'PushedAuthorizationRequest', 'RegistrationAccessToken']) {
    const { prototype } = provider[name];
    const generate = prototype.generateTokenId;
    prototype.generateTokenId = function generateTokenId() {
      return `${CANARY}${name}-${generate.call(this)}`;
    };
  }
}

/** The user decides on the phone right after the client's first poll: one poll is told authorization_pending. */
async function answerCiba(ctx, next) {
  await next();
  const id = ctx.oidc?.params?.auth_req_id;
  if (!id || ctx.body?.error !== 'authorization_pending') return;
  const { provider } = ctx.oidc;
  const request = await provider.BackchannelAuthenticationRequest.find(id);
  if (!request || request.accountId.startsWith('hang')) return;
  if (request.accountId.startsWith('deny')) {
    await provider.backchannelResult(request, new errors.AccessDenied('the user said no'));
    return;
  }
  const grant = new provider.Grant({ accountId: request.accountId, clientId: request.clientId });
  grant.addOIDCScope(request.scope);
  await grant.save();
  await provider.backchannelResult(request, grant.jti);
}

const ENDPOINTS = new Map([
  ['/token', 'token'],
  ['/auth', 'authorization'],
  ['/token/revocation', 'revocation'],
  ['/token/introspection', 'introspection'],
  ['/device/auth', 'device_authorization'],
  ['/request', 'pushed_authorization_request'],
  ['/backchannel', 'backchannel_authentication'],
  ['/reg', 'registration'],
  ['/.well-known/openid-configuration', 'metadata'],
  ['/.well-known/oauth-authorization-server', 'metadata'],
  ['/jwks', 'jwks'],
  ['/me', 'userinfo'],
]);

/** What the answer says went wrong: in its JSON, in an error page, in a redirect, or in the challenge. */
function errorOf(ctx) {
  if (typeof ctx.body?.error === 'string') return ctx.body.error;
  if (ctx.state.error) return ctx.state.error;
  const location = ctx.response.get('location');
  if (location && URL.canParse(location)) return new URL(location).searchParams.get('error');
  if (ctx.status < 400) return null;
  return /error="([^"]+)"/.exec(ctx.response.get('www-authenticate'))?.[1] ?? null;
}

/** The server's own truth. It counts before the answer leaves, so a client that has the answer finds it counted. */
function counter() {
  const counts = new Map();
  return async (ctx, next) => {
    if (ctx.path === '/_counts') {
      if (ctx.method === 'DELETE') {
        counts.clear();
        ctx.status = 204;
      } else {
        ctx.body = [...counts.values()];
      }
      return;
    }
    const endpoint = ENDPOINTS.get(ctx.path) ?? (ctx.path.startsWith('/reg/') ? 'registration' : undefined);
    await next();
    if (!endpoint) return;
    const grant = endpoint === 'token' ? ctx.oidc?.body?.grant_type : undefined;
    const row = { endpoint, grant_type: grant ? String(grant) : null, status: ctx.status, error: errorOf(ctx) };
    const key = JSON.stringify(row);
    counts.set(key, { ...row, count: (counts.get(key)?.count ?? 0) + 1 });
  };
}

const server = createServer();
server.listen(number('PORT', 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration(issuer));
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.use(counter());
  provider.use(answerCiba);
  markTokens(provider);
  server.on('request', provider.callback());
  console.log(`listening on ${issuer}`);
});

const stop = () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// A test run that was killed must leave no server behind: its end of our stdin closes with it.
if (flag('EXIT_WITH_STDIN', '0')) process.stdin.on('end', stop).resume();
