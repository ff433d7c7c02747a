/** The door of incidents: taken in, what they close at once, worked through, looked back at, published. */
export { draftNotices, type Incident, renderIncident, SEVERITIES } from './course.ts';
export {
  createIncidents,
  type IncidentOutcomeRefusal,
  type IncidentParts,
  type Incidents,
  type OpenedIncident,
} from './incident.ts';
