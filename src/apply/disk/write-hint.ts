/**
 * The next step for somebody whose Fairlead could not write: in a container it is mostly a volume that lacks, or that
 * belongs to another user.
 *
 * @param directory where it could not
 */
export function writeHint(cause: unknown, directory: string): string {
  const { code } = cause as { readonly code?: string };
  switch (code ?? "") {
    case "EROFS":
      return `Mount a writable volume at "${directory}": the file system there is read-only`;
    case "EACCES":
    case "EPERM":
      return `Let user ${process.getuid?.()} write there, which Fairlead runs as: chown "${directory}", or run it as the user that owns it`;
    case "ENOENT":
      return `Create the directory "${directory}", or mount it at the same place as the proxy has it`;
    case "ENOSPC":
      return "Free space on the disk";
    default:
      return `Let this user write in "${directory}"`;
  }
}
