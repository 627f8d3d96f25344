/** Projects in the browser's private file system: projects/NAME/project.json, and the images beside it. */
import { InputError, readText, toJson } from "../../src/runs/store.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import type { Project } from "./project.ts";
import { parseProject } from "./schema.ts";

const PROJECT = "project.json";

export const projectsStore = new OpfsStore("projects");

/** @throws DataError, InputError */
export async function loadProject(name: string): Promise<Project> {
  const store = projectsStore.folder(name);
  return parseProject(await readText(store, PROJECT), store.path(PROJECT));
}

/** @throws InputError, as where the storage is full: the project is then what it was before */
export const saveProject = (project: Project): Promise<void> =>
  projectsStore.folder(project.name).write(PROJECT, toJson(project));

/** @throws InputError for a name that a folder cannot have, or that is taken */
export async function requireFreeName(name: string): Promise<void> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._()-]{0,59}$/u.test(name)) {
    throw new InputError(
      `"${name.slice(0, 60)}" is no name for a project: 1 to 60 letters, digits, blanks, or . _ - ( )`,
    );
  }
  if (await projectsStore.exists(name)) {
    throw new InputError(`there is a project ${name} already: choose another name`);
  }
}
