import * as z from 'zod';
import { nearestOf } from '../nearest.ts';
import { setOf } from '../record/fields.ts';

/**
 * Every type of event, without `dk.livline.`. It stands here in full because the functions that relay and deliver know no
 * resource, and would be twice as large if they did; a test compares it with what the resources give.
 */
export const EVENT_TYPES: readonly string[] = [
  'access.client_created',
  'access.client_revoked',
  'access.confirmed',
  'access.credential_added',
  'access.credential_ended',
  'access.granted',
  'access.recovery_cancelled',
  'access.recovery_requested',
  'access.recovery_used',
  'access.revoked',
  'access.settings_changed',
  'access.suspended',
  'acknowledgement.created',
  'acknowledgement.updated',
  'action.created',
  'action.updated',
  'affiliation.ended',
  'affiliation.started',
  'affiliation.updated',
  'announcement.created',
  'announcement.updated',
  'assignment.updated',
  'call.answered',
  'call.closed',
  'call.escalated',
  'call.missed',
  'call.received',
  'call.updated',
  'child.created',
  'child.deleted',
  'child.updated',
  'concern.acknowledged',
  'concern.created',
  'concern.handed_over',
  'concern.updated',
  'connection.created',
  'connection.deleted',
  'connection.updated',
  'consultant.assigned',
  'consultant.created',
  'consultant.deleted',
  'consultant.unassigned',
  'consultant.updated',
  'contact.created',
  'contact.updated',
  'course.created',
  'course.held',
  'course.updated',
  'enrolment.completed',
  'enrolment.created',
  'enrolment.updated',
  'erasure.created',
  'erasure.updated',
  'family.activated',
  'family.approved',
  'family.closed',
  'family.created',
  'family.deleted',
  'family.paused',
  'family.suspended',
  'family.updated',
  'goal.achieved',
  'helpline.created',
  'helpline.updated',
  'inbox-message.applied',
  'inbox-message.dismissed',
  'inbox-message.received',
  'inbox-message.resolved',
  'inbox-message.unresolved',
  'inbox-message.updated',
  'inquiry.created',
  'inquiry.updated',
  'institution.created',
  'institution.updated',
  'legal-hold.created',
  'legal-hold.updated',
  'municipality.activated',
  'municipality.offboarding',
  'municipality.provisioned',
  'municipality.suspended',
  'placement.broken_down',
  'placement.decided',
  'placement.ended',
  'placement.proposed',
  'placement.started',
  'placement.updated',
  'plan.agreed',
  'plan.completed',
  'plan.created',
  'plan.updated',
  'progress-entry.created',
  'progress-entry.deleted',
  'progress-entry.updated',
  'pulse-survey.created',
  'pulse-survey.updated',
  'record.emptied',
  'record.resealed',
  'risk.cleared',
  'risk.raised',
  'risk.updated',
  'round.created',
  'round.updated',
  'session.cancelled',
  'session.held',
  'session.locked',
  'session.planned',
  'session.updated',
  'shift.created',
  'shift.deleted',
  'shift.updated',
  'staff-member.created',
  'staff-member.deleted',
  'staff-member.updated',
  'supervision-group.created',
  'supervision-group.updated',
  'theme.published',
  'theme.updated',
  'visit.recorded',
  'visit.updated',
  'webhook-endpoint.certificate_expiring',
  'webhook-endpoint.created',
  'webhook-endpoint.deleted',
  'webhook-endpoint.disabled',
  'webhook-endpoint.enabled',
  'webhook-endpoint.failing',
  'webhook-endpoint.updated',
];

/** The type without the prefix that it may be written with. */
const withoutPrefix = (type: string): string => type.replace(/^dk\.livline\./, '');

/** Whether a type or a pattern such as `family.*` includes an event that there is. */
const isKnown = (type: string): boolean =>
  type === '*' ||
  EVENT_TYPES.includes(type) ||
  (type.endsWith('.*') && EVENT_TYPES.some((known) => known.startsWith(type.slice(0, -1))));

/** The type or pattern that is written most like this one. */
function nearest(type: string): string {
  const patterns = EVENT_TYPES.map((known) => known.replace(/\.\w+$/, '.*'));
  return nearestOf(type, [...EVENT_TYPES, ...new Set(patterns)]) ?? '*';
}

/** A list of event types to receive, written with or without the prefix `dk.livline.`. Each includes an event that there is. */
export const eventTypes = () =>
  setOf(
    'Event types to receive (hændelsestyper), such as `family.created` or `family.*`; every event if empty. A type or pattern that no event has is refused.',
    z
      .string()
      .max(100)
      .overwrite(withoutPrefix)
      .check(({ value, issues }) => {
        if (isKnown(value)) return;
        const meant = nearest(value);
        issues.push({
          code: 'custom',
          input: value,
          message: `No event has this type. The nearest is ${meant}.`,
          params: { danish: `Ingen hændelse har denne type. Den nærmeste er ${meant}.` },
        });
      }),
  );
