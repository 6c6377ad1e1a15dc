// A store in memory without a bound. The default store of oidc-provider keeps 1,000 items: under load it forgets
// refresh tokens that are still good. Dead items stay for a while, so that the provider can say "expired".

const KEEP_DEAD_MS = 600_000;

export default function createAdapter() {
  const models = new Map(); // model name -> Map(id -> {payload, until})
  const byGrant = new Map(); // grantId -> Set of "model id"
  const byUid = new Map();
  const byUserCode = new Map();

  const items = (model) => {
    if (!models.has(model)) models.set(model, new Map());
    return models.get(model);
  };

  const remove = (model, id) => {
    const item = items(model).get(id);
    if (!item) return;
    items(model).delete(id);
    const { grantId, uid, userCode } = item.payload;
    const members = byGrant.get(grantId);
    members?.delete(`${model} ${id}`);
    if (members?.size === 0) byGrant.delete(grantId);
    if (uid && byUid.get(uid) === id) byUid.delete(uid);
    if (userCode && byUserCode.get(userCode) === id) byUserCode.delete(userCode);
  };

  const get = (model, id) => {
    const item = items(model).get(id);
    if (item && item.until <= Date.now()) {
      remove(model, id);
      return undefined;
    }
    return item?.payload;
  };

  setInterval(() => {
    const now = Date.now();
    for (const [model, entries] of models) {
      for (const [id, item] of entries) if (item.until <= now) remove(model, id);
    }
  }, 30_000).unref();

  return class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresIn) {
      const { model } = this;
      remove(model, id);
      const until = typeof expiresIn === 'number' ? Date.now() + expiresIn * 1000 + KEEP_DEAD_MS : Infinity;
      items(model).set(id, { payload, until });
      if (payload.grantId && model !== 'Session' && model !== 'Interaction') {
        if (!byGrant.has(payload.grantId)) byGrant.set(payload.grantId, new Set());
        byGrant.get(payload.grantId).add(`${model} ${id}`);
      }
      if (model === 'Session') byUid.set(payload.uid, id);
      if (payload.userCode) byUserCode.set(payload.userCode, id);
    }

    async find(id) {
      return get(this.model, id);
    }

    async findByUid(uid) {
      return get(this.model, byUid.get(uid));
    }

    async findByUserCode(userCode) {
      return get(this.model, byUserCode.get(userCode));
    }

    async consume(id) {
      const payload = get(this.model, id);
      if (payload) payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      remove(this.model, id);
    }

    // Of one model only: the provider calls it once for each.
    async revokeByGrantId(grantId) {
      for (const key of [...byGrant.get(grantId) ?? []]) {
        const [model, id] = key.split(' ');
        if (model === this.model) remove(model, id);
      }
    }
  };
}
