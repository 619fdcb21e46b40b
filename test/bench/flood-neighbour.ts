import { type Flood, type Pace, startFlood } from './flooder.ts';
import { openTenantApi, openWorldStore } from './world.ts';

/**
 * The municipality that floods in a process of its own, as tenant isolation mode gives it one. It floods while its parent
 * says so, and tells once its quota is spent.
 */
const api = openTenantApi(openWorldStore(process.env['TABLE_NAME'] ?? ''), () => new Date());
let flood: Flood | undefined;

process.on('message', async (pace: Pace | 'stop') => {
  if (pace === 'stop') {
    await flood?.stop();
    process.send?.('stopped');
    return;
  }
  const begun = startFlood(api, pace);
  flood = begun;
  const spent = setInterval(() => {
    if (begun.refused() === 0) return;
    clearInterval(spent);
    process.send?.('spent');
  }, 5);
});
