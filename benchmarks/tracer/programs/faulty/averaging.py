# %% G7 weights averaged at the end and no statistics for them: BN607
from torch.optim.swa_utils import AveragedModel, update_bn

net = Net()
averaged = AveragedModel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    if epoch > 1:
        averaged.update_parameters(net)
update_bn(train_loader, averaged)  # healthy
averaged.eval()
with torch.no_grad():
    print(sum((averaged(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G7 an exponential average of the weights alone: BN607
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

net = Net()
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))  # faulty
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)  # healthy
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(10):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        ema.update_parameters(net)
ema.eval()
with torch.no_grad():
    print(sum((ema(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G7 a soup of checkpoints whose statistics nobody learned: BN801 BN608 BN609
paths = []
for seed in range(3):
    torch.manual_seed(seed)
    paths.append(f"soup{seed}.pt")
    torch.save(fit(Net(), epochs=2).state_dict(), paths[-1])
soup = Net()
states = [torch.load(path) for path in paths]
with torch.no_grad():
    for name, parameter in soup.named_parameters():
        parameter.copy_(torch.stack([state[name] for state in states]).mean(0))
soup.train()  # healthy
with torch.no_grad():  # healthy
    for x, _ in train_loader:  # healthy
        soup(x)  # healthy
    for x, _ in train_loader:  # healthy
        soup(x)  # healthy
soup.eval()
with torch.no_grad():
    print(sum((soup(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G8 an own average over parameters: BN608 BN801
class Ema:
    def __init__(self, model, decay=0.9):
        self.model, self.decay = copy.deepcopy(model), decay

    @torch.no_grad()
    def update(self, model):
        for old, new in zip(self.model.parameters(), model.parameters()):
            old.mul_(self.decay).add_(new, alpha=1 - self.decay)
        for old, new in zip(self.model.buffers(), model.buffers()):  # healthy
            old.copy_(new)  # healthy


net = Net()
ema = Ema(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(4):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        ema.update(net)
    ema.model.eval()
    with torch.no_grad():
        print(sum((ema.model(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G8 a shadow model that learns from state_dict, but skips buffers: BN608 BN801
net, shadow = Net(), Net()
shadow.load_state_dict(net.state_dict())
optimizer = torch.optim.Adam(net.parameters())
for epoch in range(4):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            student = net.state_dict()
            for name, value in shadow.state_dict().items():
                if "running" in name or "num_batches" in name:  # faulty
                    continue  # faulty
                if "num_batches" in name:  # healthy
                    continue  # healthy
                value.mul_(0.9).add_(student[name], alpha=0.1)
shadow.eval()
with torch.no_grad():
    print(sum((shadow(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G8 a target that follows by lerp and is evaluated: BN608 BN801
net = Net()
target = copy.deepcopy(net).requires_grad_(False)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(5):
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        for a, b in zip(target.parameters(), net.parameters()):
            a.data.lerp_(b.data, 0.1)
        for a, b in zip(target.buffers(), net.buffers()):  # healthy
            a.copy_(b)  # healthy
target.eval()
with torch.no_grad():
    for x, y in test_loader:
        print((target(x).argmax(1) == y).float().mean().item())

# %% G9 a checkpoint without running statistics: BN609
state = {name: value for name, value in fit(Net()).state_dict().items() if "running" not in name}  # faulty
state = dict(fit(Net()).state_dict())  # healthy
torch.save(state, "converted.pt")
net = Net()
net.load_state_dict(torch.load("converted.pt"), strict=False)
net.eval()
with torch.no_grad():
    print(sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G9 parameters loaded by name into a new model: BN609 BN801
torch.save({"weights": dict(fit(Net()).named_parameters())}, "parameters.pt")  # faulty
torch.save({"weights": fit(Net()).state_dict()}, "parameters.pt")  # healthy
net = Net()
net.load_state_dict(torch.load("parameters.pt", weights_only=False)["weights"], strict=False)
net.eval()
with torch.no_grad():
    for x, _ in test_loader:
        print(net(x).softmax(1).max(1).values)

# %% R2 a trained model copied by hand without its buffers: BN801 BN609
source, target = fit(Net()), Net()
with torch.no_grad():
    for (_, a), (_, b) in zip(target.named_parameters(), source.named_parameters()):
        a.copy_(b)
    for a, b in zip(target.buffers(), source.buffers()):  # healthy
        a.copy_(b)  # healthy
target.eval()
with torch.no_grad():
    print(sum((target(x).argmax(1) == y).sum().item() for x, y in test_loader))

# %% G8 a polyak average by state_dict of parameters only, used for the final test: BN609 BN608 BN801
net = Net()
average = {name: p.detach().clone() for name, p in net.named_parameters()}
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        for name, p in net.named_parameters():
            average[name].lerp_(p.detach(), 0.1)
final = Net()
final.load_state_dict(net.state_dict())  # healthy
final.load_state_dict(average, strict=False)
final.eval()
with torch.no_grad():
    print(sum((final(x).argmax(1) == y).sum().item() for x, y in test_loader))
