/** Patients as groups: a split never cuts through one (Sample.group). */

/**
 * @param alone the group of an image whose patient is unknown: its id, or its loop's
 * @returns the patient's group; the prefix keeps apart a patient and an image of one name
 */
export const groupOf = (patient: string | undefined, alone: string): string =>
  patient === undefined ? alone : `patient ${patient}`;

/** The patient that a group stands for; undefined for an image that is a group of its own. */
export const patientOf = ({ id, group }: { id: string; group: string }): string | undefined =>
  group === id ? undefined : group.replace(/^patient /, "");
