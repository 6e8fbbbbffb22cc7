namespace Qwamos.ControlBus.Policy;

/// <summary>The trust root in force as the boot remembers it.</summary>
/// <param name="Anchor">The ID of the enrolled key that its chain begins with, 64 lower-case hex digits: from another key on there is another beginning.</param>
/// <param name="Version">From 1 on.</param>
/// <param name="Hash">SHA-256 of its document, 64 lower-case hex digits.</param>
/// <param name="Index">The entry that recorded it: the same chain recorded anew, later, would put keys that have left in force again for what lies between.</param>
public sealed record SeenTrust(string Anchor, long Version, string Hash, long Index);
