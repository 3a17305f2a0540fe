// Questions to the store, with everything that isn't asked for left open.

import type { DeploymentFilter, LineFilter } from "./model";

/** Deployments, newest first. */
export function deployments(of: Partial<DeploymentFilter>): DeploymentFilter {
  return {
    environment_id: null,
    project_id: null,
    server_id: null,
    statuses: [],
    triggers: [],
    text: null,
    before: null,
    limit: null,
    ...of,
  };
}

/** Lines of a log. */
export function lines(of: Partial<LineFilter>): LineFilter {
  return {
    step: null,
    level: null,
    text: null,
    after: 0,
    before: null,
    from_end: false,
    skip: 0,
    limit: null,
    ...of,
  };
}
