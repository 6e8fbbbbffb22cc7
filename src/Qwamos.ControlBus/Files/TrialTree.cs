namespace Qwamos.ControlBus.Files;

/// <summary>Makes the directories and links of DESIGN section 6 that are missing under `--root`; on the real system the package does.</summary>
public static class TrialTree
{
    private const UnixFileMode Everybody = (UnixFileMode)0x1ED; // 0755
    private const UnixFileMode GroupReads = (UnixFileMode)0x1E8; // 0750
    private const UnixFileMode OwnerOnly = (UnixFileMode)0x1C0; // 0700

    /// <summary>Makes what is missing under the root; does nothing without one. Existing directories keep their modes.</summary>
    /// <exception cref="IOException">A directory cannot be made, or something else is in its place.</exception>
    public static void MakeMissing(SystemPaths paths)
    {
        if (!paths.IsTrial) return;
        Directory.CreateDirectory(paths.Root);
        foreach (var plain in (string[])["/etc", "/var", "/var/lib", "/run"]) DurableFile.MakeDirectory(paths.At(plain), Everybody);
        DurableFile.MakeDirectory(paths.EtcDir, Everybody);
        DurableFile.MakeDirectory(paths.HooksDir, Everybody);
        DurableFile.MakeDirectory(paths.StateDir, GroupReads);
        DurableFile.MakeDirectory(paths.BackupsDir, OwnerOnly);
        DurableFile.MakeDirectory(paths.BootDir, GroupReads);
        DurableFile.MakeDirectory(paths.BootNotesDir, GroupReads);
        DurableFile.MakeDirectory(paths.CourierDir, GroupReads);
        DurableFile.MakeDirectory(paths.GatewayStateDir, OwnerOnly);
        DurableFile.MakeDirectory(paths.RunDir, Everybody);
        DurableFile.MakeLink(paths.EtcStatusLink, "../../var/lib/qwamos/status.json");
        DurableFile.MakeLink(paths.EtcPendingLink, "../../var/lib/qwamos/pending.conf");
    }
}
