"""Text in, text out: endpoints that speak the OpenAI protocol, models on this machine, and a cache that pays once."""

from tamis.models.asking import Model, ask_all, each
from tamis.models.estimating import Estimate, estimate
from tamis.models.failure import BudgetSpent, Down, Failed, Missed, Reason, Refused, Stopped
from tamis.models.opening import host_of, open_by, open_model, price_of, reach, trusting
from tamis.models.prices import Price, Prices, price, read_prices, shipped_prices
from tamis.models.probing import Capabilities, probe
from tamis.models.reply import Reply, Usage
from tamis.models.request import Request
from tamis.models.responses import Responses
from tamis.models.retry import Patience
from tamis.models.spending import Budget, Spending

__all__ = [
    "Budget",
    "BudgetSpent",
    "Capabilities",
    "Down",
    "Estimate",
    "Failed",
    "Missed",
    "Model",
    "Patience",
    "Price",
    "Prices",
    "Reason",
    "Refused",
    "Reply",
    "Request",
    "Responses",
    "Spending",
    "Stopped",
    "Usage",
    "ask_all",
    "each",
    "estimate",
    "host_of",
    "open_by",
    "open_model",
    "price",
    "price_of",
    "probe",
    "reach",
    "read_prices",
    "shipped_prices",
    "trusting",
]
