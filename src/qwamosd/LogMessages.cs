using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Daemon;

/// <summary>Every message of the daemon's log. The log itself escapes what comes from outside; no message holds a policy value.</summary>
internal sealed partial class LogMessages(ILogger logger) : IStartLog
{
    [LoggerMessage(1, LogLevel.Information, "key {KeyId}")]
    public partial void Key(string keyId);

    [LoggerMessage(2, LogLevel.Information, "schema {Hash} ({Origin}): {Runtime} runtime keys, {Reboot} reboot keys")]
    public partial void Schema(string hash, string origin, int runtime, int reboot);

    [LoggerMessage(3, LogLevel.Information, "policy: {Keys} keys set, {Staged} staged, {Entries} entries in the ledger")]
    public partial void Policy(int keys, int staged, long entries);

    [LoggerMessage(4, LogLevel.Information, "socket {Path}")]
    public partial void Socket(string path);

    [LoggerMessage(9, LogLevel.Information, "socket {Path}, from systemd")]
    public partial void ActivatedSocket(string path);

    [LoggerMessage(15, LogLevel.Information, "metrics {Where}")]
    public partial void Metrics(string where);

    [LoggerMessage(5, LogLevel.Information, "ready")]
    public partial void Ready();

    [LoggerMessage(6, LogLevel.Information, "stopped: {Accepted} changes accepted, {Refused} requests refused")]
    public partial void Stopped(long accepted, long refused);

    [LoggerMessage(7, LogLevel.Error, "does not start: {Reason}")]
    public partial void DoesNotStart(string reason);

    [LoggerMessage(8, LogLevel.Information, "trial: the key in {Home} is the anchor")]
    public partial void TrialKey(string home);

    [LoggerMessage(13, LogLevel.Information, "Landlock: {What}")]
    public partial void Confined(string what);

    [LoggerMessage(14, LogLevel.Information, "ledger key {Key}: {Trust}")]
    public partial void LedgerKey(string key, string trust);

    [LoggerMessage(10, LogLevel.Information, "change {Index} accepted: {Keys}, signed by {KeyId}")]
    public partial void Accepted(long index, string keys, string keyId);

    [LoggerMessage(11, LogLevel.Information, "{Count} more changes accepted, the last as entry {Index}: {Keys}, signed by {KeyId}")]
    public partial void AcceptedMore(int count, long index, string keys, string keyId);

    [LoggerMessage(12, LogLevel.Information, "boot note {Sequence} imported: {What}")]
    public partial void NoteImported(long sequence, string what);

    [LoggerMessage(16, LogLevel.Error, "what the boot has on trial cannot be read, and is not shown: {Reason}")]
    public partial void AssessmentUnread(string reason);

    [LoggerMessage(20, LogLevel.Error, "status.json and pending.conf cannot be written: {Reason}; tried again each second")]
    public partial void ProjectionsFailed(string reason);

    [LoggerMessage(21, LogLevel.Information, "status.json and pending.conf are written again")]
    public partial void ProjectionsBack();

    [LoggerMessage(22, LogLevel.Warning, "the old program's file {Path} is kept as {Kept}; to make it policy, look at it and sign it: {Command}")]
    public partial void LegacyKept(string path, string kept, string command);

    [LoggerMessage(23, LogLevel.Warning, "the old program's file {Path} cannot be moved out of the way: {Reason}")]
    public partial void LegacyStuck(string path, string reason);

    [LoggerMessage(24, LogLevel.Error, "the newest checkpoint cannot be kept in {Path}: {Reason}; tried again each second")]
    public partial void CheckpointNotKept(string path, string reason);

    [LoggerMessage(25, LogLevel.Information, "the newest checkpoint is kept again")]
    public partial void CheckpointKept();

    [LoggerMessage(30, LogLevel.Error, "the disk is full: changes are refused with storage_full until there is room again")]
    public partial void StorageFull();

    [LoggerMessage(31, LogLevel.Information, "the disk has room again: changes are recorded")]
    public partial void StorageBack();

    [LoggerMessage(32, LogLevel.Critical, "the ledger failed, and what reached the disk is unknown: {Reason}; ending, the next start folds it anew")]
    public partial void LedgerBroken(string reason);

    [LoggerMessage(33, LogLevel.Error, "a status could not be made ({Kind}): {Reason}; its sender was told busy")]
    public partial void StatusFailed(string kind, string reason);

    [LoggerMessage(60, LogLevel.Information, "backup {Name} made: {Entries} entries, {Bytes} bytes")]
    public partial void BackupMade(string name, long entries, long bytes);

    [LoggerMessage(61, LogLevel.Error, "a backup was not made: {Reason}")]
    public partial void BackupFailed(string reason);

    [LoggerMessage(40, LogLevel.Warning, "gateway {Domain} cannot be reached: {Reason}; tried again")]
    public partial void GatewayDown(string domain, string reason);

    [LoggerMessage(41, LogLevel.Information, "gateway {Domain} answers again")]
    public partial void GatewayBack(string domain);

    [LoggerMessage(42, LogLevel.Error, "gateway {Domain} refuses entry {Index}: {Reason}")]
    public partial void DeliveryRefused(string domain, long index, string reason);

    [LoggerMessage(43, LogLevel.Error, "gateway {Domain} takes nothing: {Reason}")]
    public partial void DomainHolds(string domain, string reason);

    [LoggerMessage(76, LogLevel.Information, "gateway {Domain} takes what concerns it again")]
    public partial void DomainHoldsNoMore(string domain);

    [LoggerMessage(52, LogLevel.Warning, "gateway {Domain} had taken delivery {Before} and says {Now}: its record was put back, or root there began anew; it is brought what it lacks")]
    public partial void DomainPutBack(string domain, long before, long now);

    [LoggerMessage(62, LogLevel.Error, "gateway {Domain} says that it took delivery {Sequence}, entry {Index}, last, and was brought delivery {BroughtSequence}, entry {BroughtIndex}: one may be missing there")]
    public partial void DomainHasGap(string domain, long sequence, long index, long broughtSequence, long broughtIndex);

    [LoggerMessage(53, LogLevel.Warning, "qwamosd cannot be asked: {Reason}; tried again")]
    public partial void BusDown(string reason);

    [LoggerMessage(54, LogLevel.Information, "qwamosd answers again")]
    public partial void BusBack();

    [LoggerMessage(55, LogLevel.Error, "{Path} cannot be written: {Reason}; status shows the domains as they were")]
    public partial void DomainsNotKept(string path, string reason);

    [LoggerMessage(75, LogLevel.Warning, "{Path} cannot be used: {Reason}; the next start of the courier reads the whole ledger")]
    public partial void HistoryNotKept(string path, string reason);

    [LoggerMessage(56, LogLevel.Information, "the domains' file is written again")]
    public partial void DomainsKept();

    [LoggerMessage(57, LogLevel.Warning, "{Path} cannot be read and is made anew: {Reason}")]
    public partial void DomainsForgotten(string path, string reason);

    [LoggerMessage(58, LogLevel.Information, "stopped")]
    public partial void CourierStopped();

    [LoggerMessage(50, LogLevel.Information, "gateway {Domain} has trust root {Version}")]
    public partial void TrustRootDelivered(string domain, long version);

    [LoggerMessage(51, LogLevel.Error, "gateway {Domain} does not take trust root {Version}: {Reason}")]
    public partial void TrustRootRefused(string domain, long version, string reason);

    [LoggerMessage(45, LogLevel.Critical, "gateway {Domain} saw another history of this ledger, or another key: {Reason}; see docs/troubleshooting.md")]
    public partial void WitnessAlarm(string domain, string reason);

    [LoggerMessage(46, LogLevel.Information, "gateway {Domain} cosigns again: {Size} entries")]
    public partial void WitnessBack(string domain, long size);

    [LoggerMessage(47, LogLevel.Warning, "gateway {Domain} cosigns with another key, {New}, than before, {Old}")]
    public partial void WitnessKeyChanged(string domain, string old, string @new);

    [LoggerMessage(48, LogLevel.Information, "trust root: version {Version}, {Holders} holders, until {Expires}, SHA-256 {Hash}")]
    public partial void TrustRoot(long version, string hash, int holders, string expires);

    [LoggerMessage(49, LogLevel.Warning, "trust root {Version} is in force from entry {Index} on, SHA-256 {Hash}")]
    public partial void TrustRootTaken(long version, long index, string hash);
}
