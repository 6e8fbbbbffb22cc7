using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// A key whose value other programs read from a file of one line, `KEY=value`. Writing it is all that is done here: whether those
/// programs obey is theirs to report, so the result is `recorded`.
/// </summary>
internal sealed class SettingFile(SystemPaths paths, string key, string absolutePath) : IApplier
{
    private readonly ConfigurationFile file = new(paths, absolutePath);

    /// <summary>BOOT_VERIFICATION: the mode that the boot loader's checks are to be run in.</summary>
    public static SettingFile BootVerification(SystemPaths paths) =>
        new(paths, "BOOT_VERIFICATION", "/etc/qwamos/boot-verification.mode");

    /// <summary>CRYPTO_BACKEND: the signatures that the verifiers of this machine are to demand.</summary>
    public static SettingFile CryptoBackend(SystemPaths paths) =>
        new(paths, "CRYPTO_BACKEND", "/etc/qwamos/crypto-backend.conf");

    public string Key => key;

    public string? Check(PolicyValue value) => file.Fault();

    public string Expect(PolicyValue value) => BootResult.Recorded;

    public void Apply(PolicyValue value) => file.Write(Content(value));

    public Observation Observe(PolicyValue value) => file.Read() == Content(value)
        ? new Observation(BootResult.Recorded, $"written to {file.Name}")
        : Observation.Missing($"{file.Name} is not what was written");

    public void Undo() => file.PutBack();

    private string Content(PolicyValue value) =>
        $"# Written by `qwamosd apply-pending`; an edit is lost when the policy changes.\n{key}={value.ToLine()}\n";
}
