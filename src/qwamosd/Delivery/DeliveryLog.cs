using Microsoft.Extensions.Logging;

namespace Qwamos.Daemon.Delivery;

/// <summary>What the couriers log. Texts of gateways are escaped and bounded before they come here.</summary>
internal sealed partial class DeliveryLog(ILogger logger)
{
    [LoggerMessage(40, LogLevel.Warning, "gateway {Gateway} cannot be reached: {Reason}; tried again")]
    public partial void GatewayDown(string gateway, string reason);

    [LoggerMessage(41, LogLevel.Information, "gateway {Gateway} answers again")]
    public partial void GatewayBack(string gateway);

    [LoggerMessage(42, LogLevel.Error, "gateway {Gateway} refuses entry {Index}: {Reason}")]
    public partial void DeliveryRefused(string gateway, long index, string reason);

    [LoggerMessage(43, LogLevel.Error, "entry {Index} went stale before gateway {Gateway} took it: set its keys again when the gateway is back")]
    public partial void DeliveryStale(string gateway, long index);

    [LoggerMessage(44, LogLevel.Critical, "delivery to {Gateway} stops: {Reason}")]
    public partial void DeliveryStopped(string gateway, string reason);
}
