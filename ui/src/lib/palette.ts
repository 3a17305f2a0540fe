// What the command palette offers: everything that can be done, for every environment.

import ActivityIcon from "@lucide/svelte/icons/activity";
import CancelIcon from "@lucide/svelte/icons/circle-stop";
import GoIcon from "@lucide/svelte/icons/corner-down-right";
import OpenIcon from "@lucide/svelte/icons/external-link";
import EnvironmentsIcon from "@lucide/svelte/icons/layers";
import PlusIcon from "@lucide/svelte/icons/plus";
import RetryIcon from "@lucide/svelte/icons/refresh-cw";
import DeployIcon from "@lucide/svelte/icons/rocket";
import HistoryIcon from "@lucide/svelte/icons/list";
import LogsIcon from "@lucide/svelte/icons/scroll-text";
import SnapshotsIcon from "@lucide/svelte/icons/archive";
import ServersIcon from "@lucide/svelte/icons/server";
import SettingsIcon from "@lucide/svelte/icons/settings";
import ThemeIcon from "@lucide/svelte/icons/sun-moon";
import RollBackIcon from "@lucide/svelte/icons/undo-2";

import type { Entry } from "../components/Palette.svelte";
import { deployAction, openAction, rollBackAction, underWay } from "./actions";
import { setTheme } from "./appsettings";
import { commands } from "./backend";
import { openDialog } from "./dialogs.svelte";
import { isUnsaved } from "./drafts.svelte";
import { shortcuts } from "./keys";
import type { EnvironmentRow, Overview } from "./model";
import { environmentName } from "./rows";
import { address, environmentAddress, go, places, serverAddress } from "./place.svelte";
import { theme } from "./theme.svelte";
import { sayFailure } from "./toasts.svelte";
import { retry } from "./wishes";

/** All entries, those of the environment one looks at first. */
export function entries(everything: Overview, here: string | undefined): Entry[] {
  const current = everything.environments.find((row) => row.environment.id === here);
  const others = everything.environments.filter((row) => row !== current);
  return [
    ...(current ? actions(current, environmentName(current), true) : []),
    ...everything.environments.map((row) => ({
      id: `go-${row.environment.id}`,
      title: environmentName(row),
      group: "Switch environment",
      icon: GoIcon,
      run: () => go(environmentAddress(row.environment.id)),
    })),
    ...everything.servers.map(({ server }) => ({
      id: `server-${server.id}`,
      title: `Server ${server.name}`,
      group: "Servers",
      icon: ServersIcon,
      run: () => go(serverAddress(server.id)),
    })),
    ...app(),
    ...others.flatMap((row) => actions(row, "All environments", false)),
  ];
}

/** What can be done with one environment. Keys stand beside those of the one that is looked at. */
export function actions(row: EnvironmentRow, group: string, here: boolean): Entry[] {
  const id = row.environment.id;
  const name = environmentName(row);
  const deploy = deployAction(row, { unsaved: isUnsaved(id) });
  const rollBack = rollBackAction(row);
  const open = openAction(row);
  const running = underWay(row)?.deployment;
  const failed =
    row.under_way.length === 0 && row.latest && ["failed", "rolled_back"].includes(row.latest.status)
      ? row.latest
      : null;
  const key = (shortcut: string) => (here ? { shortcut } : {});
  return [
    {
      id: `deploy-${id}`,
      title: `${deploy.title} ${name}`,
      group,
      icon: DeployIcon,
      reason: deploy.reason,
      ...key(shortcuts.deploy),
      run: () => openDialog({ kind: "deploy", environment: id }),
    },
    {
      id: `roll-back-${id}`,
      title: `Roll back ${name}`,
      group,
      icon: RollBackIcon,
      reason: rollBack.reason,
      ...key(shortcuts.rollBack),
      run: () => openDialog({ kind: "roll_back", environment: id, deployment: null }),
    },
    ...(running
      ? [
          {
            id: `cancel-${id}`,
            title: `Cancel deployment #${running.number} of ${name}`,
            group,
            icon: CancelIcon,
            reason: running.cancel_requested_at ? "It is being cancelled" : null,
            ...key(shortcuts.cancel),
            run: () => openDialog({ kind: "cancel", deployment: running, name }),
          },
        ]
      : []),
    {
      id: `open-${id}`,
      title: `Open ${name} in the browser`,
      group,
      icon: OpenIcon,
      reason: open.reason,
      ...key(shortcuts.open),
      run: () => void commands.openAddress(id).catch(sayFailure),
    },
    {
      id: `logs-${id}`,
      title: `Show logs of ${name}`,
      group,
      icon: LogsIcon,
      ...key(shortcuts.logs),
      run: () => go(environmentAddress(id, "logs")),
    },
    {
      id: `deployments-${id}`,
      title: `Show history of ${name}`,
      group,
      icon: HistoryIcon,
      run: () => go(environmentAddress(id, "deployments")),
    },
    {
      id: `snapshots-${id}`,
      title: `Show snapshots of ${name}`,
      group,
      icon: SnapshotsIcon,
      run: () => go(environmentAddress(id, "snapshots")),
    },
    ...(failed
      ? [
          {
            id: `retry-${id}`,
            title: `Retry deployment #${failed.number} of ${name}`,
            group,
            icon: RetryIcon,
            run: () => void retry(failed),
          },
        ]
      : []),
    {
      id: `settings-${id}`,
      title: `Settings of ${name}`,
      group,
      icon: SettingsIcon,
      run: () => go(environmentAddress(id, "settings")),
    },
  ];
}

function app(): Entry[] {
  const icons = {
    environments: EnvironmentsIcon,
    servers: ServersIcon,
    activity: ActivityIcon,
    settings: SettingsIcon,
  };
  return [
    ...places.map(({ id, title }, i) => ({
      id: `place-${id}`,
      title: `Go to ${title}`,
      group: "Slipway",
      icon: icons[id],
      shortcut: `Mod+${i + 1}`,
      run: () => go(address(id)),
    })),
    {
      id: "new-environment",
      title: "New environment",
      group: "Slipway",
      icon: PlusIcon,
      shortcut: shortcuts.start,
      run: () => openDialog({ kind: "environment", project: null }),
    },
    {
      id: "new-project",
      title: "New project",
      group: "Slipway",
      icon: PlusIcon,
      run: () => openDialog({ kind: "project", project: null }),
    },
    {
      id: "new-server",
      title: "Add a server",
      group: "Slipway",
      icon: PlusIcon,
      run: () => openDialog({ kind: "server", server: null }),
    },
    {
      id: "theme",
      title: theme() === "dark" ? "Use the light theme" : "Use the dark theme",
      group: "Slipway",
      icon: ThemeIcon,
      run: () => void setTheme(theme() === "dark" ? "light" : "dark").catch(sayFailure),
    },
  ];
}
